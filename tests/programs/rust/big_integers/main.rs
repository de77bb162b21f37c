fn factorial(n: u32) -> Vec<u32> {
    let mut digits = vec![1u32];
    for factor in 2..=n {
        let mut carry = 0u64;
        for digit in digits.iter_mut() {
            let product = *digit as u64 * factor as u64 + carry;
            *digit = (product % 1_000_000_000) as u32;
            carry = product / 1_000_000_000;
        }
        if carry > 0 {
            digits.push(carry as u32);
        }
    }
    digits
}

fn power(mut base: u128, mut exponent: u64, modulus: u128) -> u128 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    result
}

fn main() {
    let digits = factorial(30);
    print!("{}", digits[digits.len() - 1]);
    for digit in digits.iter().rev().skip(1) {
        print!("{:09}", digit);
    }
    println!("\n{} {}", u128::MAX, i128::MIN);
    println!("{}", power(3, 1_000_000_000_000_000_000, 1_000_000_007));
    println!("{:?} {:?} {} {:?}", 250u8.checked_add(10), 250u8.wrapping_add(10), 250u8.saturating_add(10), i32::MAX.overflowing_add(1));
    println!("{} {} {} {}", -7 / 2, -7 % 2, (-7i32).rem_euclid(2), (-7i32).div_euclid(2));
    println!("{:b} {:o} {:x} {:#X} {:08b} {:e}", 10, 64, 255, 255, 5, 1500.0);
    println!("{} {} {} {}", 300i32 as u8, -1i32 as u32, 3.99 as i32, f64::NAN as i32);
    println!("{:?} {:?} {}", i64::from_str_radix("-ff", 16), "999".parse::<u8>().map_err(|e| e.to_string()), u64::pow(2, 40));
    println!("{} {} {}", 255u8.count_ones(), 1024u32.leading_zeros(), 0b1000u8.trailing_zeros());
}
