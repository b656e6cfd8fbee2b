# The images as targets: scripts/bake cpu, or docker buildx bake -f docker/docker-bake.hcl cpu (from the repository's root).
# A file docker/site.hcl, which isn't tracked, may add what a network needs (secrets, a mirror of the base image).

variable "IMAGE" { # with the registry: localhost:5000/puffertank
  default = "puffertank"
}
variable "BASE_IMAGE" { # a release names it by digest: debian:bookworm-slim@sha256:...
  default = "debian:bookworm-slim"
}
variable "VERSION" {
  default = "dev"
}
variable "REVISION" {
  default = ""
}
variable "CREATED" {
  default = ""
}
variable "PUBLISH" { # set by scripts/publish
  default = ""
}
variable "VARIANT" { # of the target `test`: cuda, cpu or dev-cpu
  default = "cpu"
}
variable "SBOM" { # "false" where BuildKit's scanner image can't be had; scripts/publish then makes the list itself
  default = "true"
}

# A moving tag and, of what is published, one that never moves: cpu, cpu-0.1.0-8fb9e9d01234.
function "tags" {
  params = [name]
  result = compact([
    "${IMAGE}:${name}",
    name == "cuda" ? "${IMAGE}:latest" : "",
    PUBLISH != "" ? "${IMAGE}:${name}-${VERSION}-${substr(REVISION, 0, 12)}" : "",
  ])
}

group "default" {
  targets = ["cuda"]
}

target "_image" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  args       = { BASE_IMAGE = BASE_IMAGE }
  labels = {
    "org.opencontainers.image.title"       = "PufferTank"
    "org.opencontainers.image.description" = "Reinforcement learning with pufferlib: every environment of its registry, installed and tested"
    "org.opencontainers.image.licenses"    = "MIT"
    "org.opencontainers.image.base.name"   = BASE_IMAGE
    "org.opencontainers.image.version"     = VERSION
    "org.opencontainers.image.revision"    = REVISION
    "org.opencontainers.image.created"     = CREATED
  }
}

# PyTorch with CUDA, compilers (nvcc too), the tools for developing, the checkout editable.
target "cuda" {
  inherits = ["_image"]
  target   = "dev"
  args     = { VARIANT = "cuda" }
  tags     = tags("cuda")
}

# The same without CUDA: for dev containers on machines without a GPU.
target "dev-cpu" {
  inherits = ["_image"]
  target   = "dev"
  args     = { VARIANT = "cpu" }
  tags     = tags("dev-cpu")
}

# The slim one: no compiler, no tools, the library as a wheel.
target "cpu" {
  inherits = ["_image"]
  target   = "cpu"
  args     = { VARIANT = "cpu" }
  tags     = tags("cpu")
}

# The suite on top of one of them.
target "test" {
  inherits = ["_image"]
  target   = "test"
  args = {
    VARIANT = VARIANT == "cuda" ? "cuda" : "cpu"
    TESTED  = VARIANT == "cpu" ? "cpu" : "dev"
  }
  tags = ["${IMAGE}:test-${VARIANT}"]
}

target "_published" {
  attest = concat(["type=provenance,mode=max"], SBOM == "true" ? ["type=sbom"] : [])
}

target "publish-cuda" {
  inherits = ["cuda", "_published"]
}
target "publish-cpu" {
  inherits = ["cpu", "_published"]
}
target "publish-dev-cpu" {
  inherits = ["dev-cpu", "_published"]
}
group "publish" {
  targets = ["publish-cuda", "publish-cpu", "publish-dev-cpu"]
}
