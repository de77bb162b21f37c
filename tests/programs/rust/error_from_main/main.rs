use std::fmt;
use std::num::ParseIntError;

#[derive(Debug)]
enum AccountError {
    Parse(ParseIntError),
    TooMuch { asked: i64, left: i64 },
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountError::Parse(error) => write!(f, "not a number: {error}"),
            AccountError::TooMuch { asked, left } => write!(f, "{asked} of {left}"),
        }
    }
}

impl std::error::Error for AccountError {}

impl From<ParseIntError> for AccountError {
    fn from(error: ParseIntError) -> Self {
        AccountError::Parse(error)
    }
}

fn take(left: i64, text: &str) -> Result<i64, AccountError> {
    let asked: i64 = text.parse()?;
    if asked > left {
        return Err(AccountError::TooMuch { asked, left });
    }
    Ok(left - asked)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", take(100, "30")?);
    println!("{}", take(100, "x30").unwrap_err());
    println!("{}", take(10, "30")?);
    Ok(())
}
