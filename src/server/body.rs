//! How is a request's body read within its cap, the common budget and its deadline?
//!
//! Knows nothing of what stands in the body. Keeps no buffer: what a body took goes back when the
//! request is over, to the system itself if it was much.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use memmap2::MmapMut;

use super::budget::{Budget, Share};
use super::limits::Limits;
use super::rejection::Rejection;

/// Reads bodies; shared by all connections.
#[derive(Debug, Clone)]
pub(super) struct BodyReader {
    pub(super) budget: Budget,
    pub(super) limits: Limits,
}

/// A whole body and the part of the budget that it holds until it is dropped.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _share: Share,
}

impl BodyReader {
    /// Reads the body whole. What `Content-Length` announces is judged and reserved before
    /// anything is read; a chunked body is reserved as it grows.
    pub(super) async fn read(&self, body: Body) -> Result<Whole, Rejection> {
        let announced = self.announced(&body)?;
        let share = self
            .budget
            .reserve(announced)
            .ok_or(Rejection::OverBudget)?;
        tokio::time::timeout(self.limits.body, self.collect(body, share, announced))
            .await
            .map_err(|_elapsed| Rejection::BodyTimeout)?
    }

    fn announced(&self, body: &Body) -> Result<usize, Rejection> {
        let exact = HttpBody::size_hint(body).exact().unwrap_or(0);
        usize::try_from(exact)
            .ok()
            .filter(|&bytes| bytes <= self.limits.body_bytes)
            .ok_or(Rejection::TooLarge)
    }

    async fn collect(
        &self,
        mut body: Body,
        share: Share,
        announced: usize,
    ) -> Result<Whole, Rejection> {
        let first = next(&mut body).await?.unwrap_or_default();
        if body.is_end_stream() {
            // Usual for small bodies: the one piece is the body, nothing is copied.
            let share = self.grown(share, first.len())?;
            return Ok(Whole {
                bytes: first,
                _share: share,
            });
        }
        let mut share = self.grown(share, first.len())?;
        let mut whole = Buffer::new(announced, self.limits.body_bytes)?;
        whole.push(&first)?;
        drop(first);
        while let Some(piece) = next(&mut body).await? {
            share = self.grown(share, whole.len() + piece.len())?;
            whole.push(&piece)?;
        }
        Ok(Whole {
            bytes: whole.into(),
            _share: share,
        })
    }

    fn grown(&self, share: Share, bytes: usize) -> Result<Share, Rejection> {
        if bytes > self.limits.body_bytes {
            return Err(Rejection::TooLarge);
        }
        share.grown_to(bytes).ok_or(Rejection::OverBudget)
    }
}

/// From here on a body gets pages of its own: an allocator would keep those of a burst for good.
const PAGES_FROM: usize = 256 << 10;

/// Where the pieces of a body come together.
enum Buffer {
    Heap(Vec<u8>),
    Pages(Pages),
}

/// Pages of the system, of which `length` bytes are written; untouched ones cost nothing.
struct Pages {
    map: MmapMut,
    length: usize,
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        self.map.get(..self.length).unwrap_or_default()
    }
}

impl Buffer {
    /// Room for what was announced; a chunked body announces nothing and may grow to `most`.
    fn new(announced: usize, most: usize) -> Result<Self, Rejection> {
        if (1..PAGES_FROM).contains(&announced) {
            return Ok(Self::Heap(Vec::with_capacity(announced)));
        }
        let size = if announced == 0 { most } else { announced };
        let map = MmapMut::map_anon(size.max(1)).map_err(|_| Rejection::OverBudget)?;
        Ok(Self::Pages(Pages { map, length: 0 }))
    }

    fn len(&self) -> usize {
        match self {
            Self::Heap(bytes) => bytes.len(),
            Self::Pages(pages) => pages.length,
        }
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Rejection> {
        match self {
            Self::Heap(bytes) => bytes.extend_from_slice(piece),
            Self::Pages(pages) => {
                let end = pages.length + piece.len();
                let room = pages.map.get_mut(pages.length..end);
                room.ok_or(Rejection::TooLarge)?.copy_from_slice(piece);
                pages.length = end;
            }
        }
        Ok(())
    }
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        match buffer {
            Buffer::Heap(bytes) => bytes.into(),
            Buffer::Pages(pages) => Self::from_owner(pages),
        }
    }
}

/// The next piece of data; trailers are passed over.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Rejection> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_broken)) => return Err(Rejection::BrokenBody),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => {}
            },
        }
    }
}
