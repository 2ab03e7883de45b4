"""The training room's tests; what they expect comes from numpy or from arithmetic on paper."""
