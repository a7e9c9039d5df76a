//! Web and e-mail addresses.

use super::{Said, latin, loanwords, number};

/// An address at the start of a text, read part by part: name@gmail.com → ... 골뱅이 지메일 닷컴.
pub(super) fn read(rest: &[char], before: Option<char>) -> Option<Said> {
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@')) {
        return None;
    }
    let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || "._-+@:/?=&%#~".contains(**c)).count();
    let written: String = rest[..length].iter().collect();
    let written = written.trim_end_matches(['.', ',', '?', ':', '/', '~', '-']);
    let scheme = ["https://", "http://"].iter().find_map(|s| written.strip_prefix(s));
    let address = scheme.unwrap_or(written);
    let mail = address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let host = scheme.is_some() || address.strip_prefix("www.").is_some_and(|h| h.contains('.'));
    ((mail || host) && !address.is_empty()).then(|| Said::new(written.chars().count(), say(address)))
}

fn say(address: &str) -> String {
    let mut words = Vec::new();
    let mut part = String::new();
    for c in address.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() {
            part.push(c);
            continue;
        }
        words.extend(say_part(&std::mem::take(&mut part), words.last().map(String::as_str)));
        words.extend(sign(c).map(ToOwned::to_owned));
    }
    words.join(" ").replace("점 닷", "닷")
}

fn say_part(part: &str, before: Option<&str>) -> Option<String> {
    let after_dot = before == Some("점");
    Some(match part {
        "" => return None,
        "com" if after_dot => "닷컴".to_owned(),
        "net" if after_dot => "닷넷".to_owned(),
        "org" if after_dot => "오알지".to_owned(),
        "www" => "더블유더블유더블유".to_owned(),
        _ if part.chars().all(|c| c.is_ascii_digit()) => number::spell(part, "공"),
        _ => loanwords::find(part).map_or_else(|| latin::word(part), ToOwned::to_owned),
    })
}

fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '.' => "점",
        '@' => "골뱅이",
        '/' => "슬래시",
        '-' => "하이픈",
        '_' => "언더바",
        ':' => "콜론",
        '+' => "플러스",
        '?' => "물음표",
        '=' => "이퀄",
        '&' => "앤드",
        '%' => "퍼센트",
        '#' => "샵",
        _ => return None,
    })
}
