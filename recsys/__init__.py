"""Arrays and tensors: encoders, towers, losses, metrics, retrieval, training, evaluation and the slate."""
