"""The GAN: model, losses, update policies, architectures, latents."""
