fn main() {
    println!("{} {} {} {} {}", 0.1 + 0.2, 1e21, 1e-7, 1.0 / 3.0, 100.0);
    println!("{:?} {:?} {:?} {:?}", 1e21, 1e-7, 100.0, 0.1f32 + 0.2f32);
    println!("{} {} {} {} {:?}", 1.0 / 0.0, -1.0 / 0.0, f64::NAN, f64::NAN == f64::NAN, -0.0);
    println!("{:.2} {:10.3} {:08.3} {:+} {:e} [{:>8.1}] [{:<8}] [{:^8}]", 2.675, std::f64::consts::E, -3.14159, 7, 12345.678, 1.25, 1.5, 2.5);
    println!("{} {} {} {} {}", 2.5f64.round(), (-2.5f64).round(), (-1.5f64).floor(), -7.0 % 3.0, 2.9f64.trunc());
    println!("{} {} {}", 3f64.hypot(4.0), 2f64.sqrt(), f64::EPSILON);
    println!("{:?} {:?} {}", "1e3".parse::<f64>(), "abc".parse::<f64>().is_err(), f64::MAX > 1e308);
    let width = 7;
    println!("{:width$.prec$}|{:>1$}|{:*^9}|{:?}", 3.14159, 5, "mid", Some(1.0), prec = 2);
    let mut values = vec![2.5f64, -1.0, 9.75];
    values.sort_by(|a, b| b.total_cmp(a));
    println!("{:?} {}", values, values.iter().cloned().fold(f64::NEG_INFINITY, f64::max));
}
