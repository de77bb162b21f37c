use std::io::{stdin, Read};

type Matrix = Vec<Vec<i64>>;

fn transpose(matrix: &Matrix) -> Matrix {
    (0..matrix[0].len()).map(|c| matrix.iter().map(|row| row[c]).collect()).collect()
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    let b = transpose(b);
    a.iter().map(|row| b.iter().map(|column| row.iter().zip(column).map(|(x, y)| x * y).sum()).collect()).collect()
}

fn main() {
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse::<i64>().unwrap());
    let n = numbers.next().unwrap() as usize;
    let m = numbers.next().unwrap() as usize;
    let matrix: Matrix = (0..n).map(|_| numbers.by_ref().take(m).collect()).collect();
    for row in transpose(&matrix) {
        println!("{}", row.iter().map(i64::to_string).collect::<Vec<_>>().join(" "));
    }
    println!("{:?}", multiply(&matrix, &transpose(&matrix)));
    let mut grid = [[0u32; 100]; 100];
    for (r, row) in grid.iter_mut().enumerate() {
        for (c, cell) in row.iter_mut().enumerate() {
            *cell = (r ^ c) as u32;
        }
    }
    println!("{}", grid.iter().flatten().sum::<u32>());
}
