//! Where a text may be cut into pieces that are spoken one after the other.

/// The sentences of a text in order, with their closing marks, without the space around them.
///
/// A mark ends a sentence where space or nothing follows, so `2.5` and `Node.js` stay whole; a line break always does.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, n)| *n);
        let closes = matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '"' | '”' | '\'' | '’' | ')')
            && ended(&text[start..at + c.len_utf8()]);
        let ends = c == '\n' || (closes && next.is_none_or(char::is_whitespace) && !abbreviated(&text[start..at], c));
        if ends {
            pieces.push(text[start..at + c.len_utf8()].trim());
            start = at + c.len_utf8();
        }
    }
    pieces.push(text[start..].trim());
    pieces.retain(|piece| piece.chars().any(char::is_alphanumeric));
    pieces
}

/// Whether a piece ends in a mark, with or without closing quotes and brackets after it.
fn ended(piece: &str) -> bool {
    piece.trim_end_matches(['"', '”', '\'', '’', ')']).ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

/// A full stop after a list number ("1. ") or a usual abbreviation.
fn abbreviated(piece: &str, mark: char) -> bool {
    let word = piece.rsplit(char::is_whitespace).next().unwrap_or_default();
    let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && piece.trim() == word;
    mark == '.' && (number || matches!(word, "Mr" | "Mrs" | "Ms" | "Dr" | "vs" | "e.g" | "i.e" | "St" | "No"))
}
