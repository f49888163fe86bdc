//! What runs inside pods without an image: echo servers and the three tiers.
