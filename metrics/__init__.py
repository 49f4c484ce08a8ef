"""Every automated metric of image sets, exact, fast and honest about its limits."""
