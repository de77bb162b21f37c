use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn civil(mut days: i64) -> (i64, u32, u32) {
    days += 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

fn main() {
    for day in [0, 19_780, 19_781, 19_782, 19_783, -1] {
        let (year, month, day) = civil(day);
        println!("{year:04}-{month:02}-{day:02}");
    }
    let length = Duration::from_millis(8_100_500);
    println!("{:?} {} {}", length, length.as_secs(), length.subsec_millis());
    let begun = Instant::now();
    std::thread::sleep(Duration::from_millis(5));
    println!("{}", begun.elapsed() >= Duration::from_millis(5));
    println!("{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() > 1_700_000_000);
    println!("{:?}", UNIX_EPOCH.checked_add(Duration::from_secs(60)).unwrap().duration_since(UNIX_EPOCH));
}
