mod geometry;
mod settings;

use geometry::{text::describe, Circle, Shape, Square};

fn main() {
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Circle::new(settings::RADIUS)), Box::new(Square { side: 4.0 })];
    for shape in &shapes {
        println!("{}", describe(shape.as_ref()));
    }
    print!("{}", include_str!("notes/readme.txt"));
    println!("{}", std::fs::read_to_string("notes/readme.txt").unwrap().len());
}
