//! Cutting phonemes into pieces the model can take: at punctuation, never in the middle of a word if it can be helped.

/// Splits `symbols` into pieces of at most `limit` characters and drops none. A cut comes after the last sentence end
/// within the limit, else after the last comma, else after the last space, else at the limit.
pub(crate) fn pieces(symbols: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = symbols.trim();
    while let Some((over, _)) = rest.char_indices().nth(limit) {
        let head = &rest[..over];
        let after = |ends: &[char]| head.rfind(ends).map(|at| at + head[at..].chars().next().map_or(1, char::len_utf8));
        let cut = after(&['.', '!', '?', '…']).or_else(|| after(&[',', ';', ':', '—'])).or_else(|| after(&[' '])).unwrap_or(over);
        let (piece, tail) = rest.split_at(cut);
        pieces.push(piece.trim());
        rest = tail.trim_start();
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn a_short_text_stays_whole() {
        assert_eq!(pieces("abc. de", 10), ["abc. de"]);
    }

    #[test]
    fn cuts_come_at_the_strongest_punctuation_and_lose_nothing() {
        assert_eq!(pieces("ab. cd, ef gh", 9), ["ab.", "cd, ef gh"]);
        assert_eq!(pieces("ab cd, ef gh", 9), ["ab cd,", "ef gh"]);
        assert_eq!(pieces("ab cd ef gh", 7), ["ab cd", "ef gh"]);
        assert_eq!(pieces("abcdefgh", 3), ["abc", "def", "gh"]);
    }
}
