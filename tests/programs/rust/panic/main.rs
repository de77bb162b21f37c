fn withdraw(amount: i32) -> Result<i32, String> {
    if amount == 0 {
        Err(format!("cannot take {}", amount))
    } else {
        Ok(100 / amount)
    }
}

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("dropped {}", self.0);
    }
}

fn main() {
    let _outer = Noisy("outer");
    let caught = std::panic::catch_unwind(|| {
        let values = vec![1, 2, 3];
        values[values.len() + 2]
    });
    println!("{} {:?}", caught.is_err(), withdraw(7));
    println!("{}", withdraw(0).unwrap());
}
