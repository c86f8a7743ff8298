# A stand-in for docker.io/library/debian: what debootstrap made.
FROM scratch
ADD userland.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["bash"]
