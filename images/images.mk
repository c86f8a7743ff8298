# Container images (images/README.md). Included by the Makefile.

.PHONY: images images-test

images: release ## Build the container images with Docker, Podman or buildah (ENGINE=, IMAGES_OUT=, ARCH=)
	@ARCH=$(ARCH) images/build
	@images/sizes $(or $(IMAGES_OUT),target/images) $(ARCH)

images-test: release ## Build the images without a registry and run them with runc, as root
	@command -v runc >/dev/null || { \
		echo "images-test: installing runc"; apt-get update -qq && apt-get install -y -qq --no-install-recommends runc; }
	@OFFLINE=1 images/build
	$(CARGO) test --test images -- --ignored
