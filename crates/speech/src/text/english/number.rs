//! Numbers in English words.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const THOUSANDS: [&str; 7] = ["", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion"];

/// A whole number: 10000 → ten thousand. Numbers that are too long, or begin with 0, are spelt.
pub(super) fn cardinal(digits: &str) -> String {
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    let Some(value) = digits.parse::<u64>().ok().filter(|_| !leading_zero) else { return spell(digits) };
    if value == 0 {
        return ONES[0].to_owned();
    }
    let mut groups = Vec::new();
    let mut rest = value;
    for thousand in THOUSANDS {
        let group = rest % 1000;
        if group > 0 {
            groups.push(if thousand.is_empty() { hundreds(group) } else { format!("{} {thousand}", hundreds(group)) });
        }
        rest /= 1000;
    }
    groups.reverse();
    groups.join(" ")
}

fn hundreds(n: u64) -> String {
    let (hundred, rest) = (n / 100, n % 100);
    let below = match rest {
        0 => String::new(),
        1..=19 => ONES[rest as usize].to_owned(),
        _ if rest.is_multiple_of(10) => TENS[rest as usize / 10].to_owned(),
        _ => format!("{} {}", TENS[rest as usize / 10], ONES[rest as usize % 10]),
    };
    match (hundred, below.is_empty()) {
        (0, _) => below,
        (_, true) => format!("{} hundred", ONES[hundred as usize]),
        _ => format!("{} hundred {below}", ONES[hundred as usize]),
    }
}

/// First, twenty second.
pub(super) fn ordinal(digits: &str) -> String {
    let cardinal = cardinal(digits);
    let (head, last) = cardinal.rsplit_once(' ').map_or(("", cardinal.as_str()), |(h, l)| (h, l));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    if head.is_empty() { last } else { format!("{head} {last}") }
}

/// A year: nineteen ninety five, two thousand six, twenty twenty six.
pub(super) fn year(digits: &str) -> String {
    match digits.parse::<u32>() {
        Ok(y) if (1100..2100).contains(&y) && !(2000..2010).contains(&y) => {
            let (century, rest) = (y / 100, y % 100);
            match rest {
                0 => format!("{} hundred", cardinal(&century.to_string())),
                1..=9 => format!("{} oh {}", cardinal(&century.to_string()), ONES[rest as usize]),
                _ => format!("{} {}", cardinal(&century.to_string()), cardinal(&rest.to_string())),
            }
        }
        _ => cardinal(digits),
    }
}

/// Digit by digit.
pub(super) fn spell(digits: &str) -> String {
    let words: Vec<&str> = digits.bytes().filter(u8::is_ascii_digit).map(|b| ONES[usize::from(b - b'0')]).collect();
    words.join(" ")
}
