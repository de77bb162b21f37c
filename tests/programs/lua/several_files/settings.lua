return { radius = 1.5 }
