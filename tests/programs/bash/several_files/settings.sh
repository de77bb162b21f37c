sides="2 3 4"
