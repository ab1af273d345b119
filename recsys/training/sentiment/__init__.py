"""Learn from the shop's own stars what the words of its reviews say."""
