fn primes(below: usize) -> Vec<usize> {
    let mut composite = vec![false; below];
    let mut found = Vec::new();
    for n in 2..below {
        if !composite[n] {
            found.push(n);
            (n * n..below).step_by(n).for_each(|k| composite[k] = true);
        }
    }
    found
}

fn step(world: &[[bool; 5]; 5]) -> [[bool; 5]; 5] {
    let mut next = [[false; 5]; 5];
    for r in 0..5i32 {
        for c in 0..5i32 {
            let around = (-1..=1)
                .flat_map(|y| (-1..=1).map(move |x| (y, x)))
                .filter(|&(y, x)| (y, x) != (0, 0) && (0..5).contains(&(r + y)) && (0..5).contains(&(c + x)))
                .filter(|(y, x)| world[(r + y) as usize][(c + x) as usize])
                .count();
            next[r as usize][c as usize] = matches!((world[r as usize][c as usize], around), (_, 3) | (true, 2));
        }
    }
    next
}

fn main() {
    println!("{:?} {}", primes(50), primes(1_000_000).len());
    let mut world = [[false; 5]; 5];
    for r in 1..4 {
        world[r][2] = true;
    }
    for _ in 0..2 {
        for row in &world {
            println!("{}", row.iter().map(|&alive| if alive { '#' } else { '.' }).collect::<String>());
        }
        world = step(&world);
    }
    let mut state = 42u64;
    let dice: Vec<u64> = (0..5)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 6 + 1
        })
        .collect();
    println!("{:?}", dice);
}
