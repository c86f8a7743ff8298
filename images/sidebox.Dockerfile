# The webhook: one static program, and nothing that could be broken into beside it.
# Its context is made by images/build: AMD64-OR-ARM64/sidebox.
FROM scratch
ARG TARGETARCH
COPY ${TARGETARCH}/sidebox /usr/bin/sidebox
ENV PATH=/usr/bin
# The allocator gives memory back at once when a burst is over, at no measurable cost: see benches/README.md.
ENV MIMALLOC_PURGE_DELAY=0
ENV MIMALLOC_PAGE_RECLAIM_ON_FREE=-1
# A number, because Kubernetes can check runAsNonRoot only against a number.
USER 65532:65532
ENTRYPOINT ["/usr/bin/sidebox"]
CMD ["--help"]
