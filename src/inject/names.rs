//! Names as the API wants them, and the nearest of them.

/// Whether `text` is a label as RFC 1123 has it: what the API wants of container and volume names.
pub fn is_dns_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 63
        && !text.is_empty()
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether `text` is a name as RFC 1123 has it: what the API wants of most objects' names.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253
        && text
            .split('.')
            .all(|part| part.len() <= 253 && is_dns_part(part))
}

fn is_dns_part(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
}

/// Edit distance (Levenshtein) over bytes of names of bounded length.
pub fn distance(known: &str, given: &str) -> usize {
    let given = given.as_bytes();
    let given = &given[..given.len().min(64)];
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (i, a) in known.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in given.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[given.len()]
}
