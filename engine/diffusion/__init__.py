"""Mathematics of latent diffusion that two methods, or a method and its trainer, share.

No primitive here turns gradients off: whoever only samples wraps its loop in `torch.inference_mode()`.
"""
