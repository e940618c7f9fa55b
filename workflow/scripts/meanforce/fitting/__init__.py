"""From mapped frames to a fitted potential: splits, normal equations, gradients, priors."""
