use crate::geometry::Shape;

pub fn describe(shape: &dyn Shape) -> String {
    format!("{:>8}: {:.2}", shape.name(), shape.area())
}
