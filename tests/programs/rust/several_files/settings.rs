pub const RADIUS: f64 = 1.5;
