//! A small part of SSML 1.1 (<https://www.w3.org/TR/speech-synthesis11/>): pauses, other readings, spelling and pace.
//!
//! Every element that isn't understood is refused by name and line: markup that does nothing would be a lie to whoever wrote it.

use roxmltree::{Document, Node, ParsingOptions};

use super::script::Cue;
use super::{Error, MAX_CHARS};

/// Nesting beyond this is no speech.
const DEPTH_MAX: usize = 16;
const PAUSE_MAX_MS: u32 = 10_000;
/// SSML 1.1 leaves the lengths to the processor.
const STRENGTHS: [(&str, u32); 6] = [("none", 0), ("x-weak", 100), ("weak", 200), ("medium", 400), ("strong", 700), ("x-strong", 1_200)];
const RATES: [(&str, f32); 6] = [("x-slow", 0.6), ("slow", 0.8), ("medium", 1.0), ("default", 1.0), ("fast", 1.25), ("x-fast", 1.5)];

pub(super) fn is_ssml(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or(text, |(_, rest)| rest.trim_start());
    text.strip_prefix("<speak").is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '>' | '/')))
}

/// The steps that a document asks for; words as they are written.
pub(super) fn parse(text: &str) -> Result<Vec<Cue>, Error> {
    let chars = text.chars().count();
    if chars > 2 * MAX_CHARS {
        return Err(Error::TooLong { chars, max: 2 * MAX_CHARS });
    }
    let options = ParsingOptions { nodes_limit: 10_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start(), options).map_err(|error| Error::Ssml { reason: error.to_string() })?;
    let mut reader = Reader { document: &document, cues: Vec::new() };
    reader.children(document.root_element(), 1.0, 0)?;
    Ok(reader.cues)
}

struct Reader<'d> {
    document: &'d Document<'d>,
    cues: Vec<Cue>,
}

impl Reader<'_> {
    fn children(&mut self, parent: Node<'_, '_>, rate: f32, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_MAX {
            return Err(self.wrong(parent, "is nested too deeply"));
        }
        for node in parent.children() {
            if node.is_text() {
                self.say(node.text().unwrap_or_default(), rate);
            } else if node.is_element() {
                self.element(node, rate, depth + 1)?;
            }
        }
        Ok(())
    }

    fn element(&mut self, node: Node<'_, '_>, rate: f32, depth: usize) -> Result<(), Error> {
        match node.tag_name().name() {
            "break" => {
                let pause = self.pause(node)?;
                self.cues.push(Cue::Pause(pause));
            }
            "sub" => self.say(self.attribute(node, "alias")?, rate),
            "say-as" => {
                let spelt = self.spelt(node)?;
                self.say(&spelt, rate);
            }
            "prosody" => {
                let rate = rate * self.rate(node)?;
                self.children(node, rate.clamp(0.5, 2.0), depth)?;
            }
            "p" | "s" => {
                self.children(node, rate, depth)?;
                self.cues.push(Cue::Pause(if node.has_tag_name("p") { 400 } else { 200 }));
            }
            other => {
                return Err(
                    self.wrong(node, &format!("is <{other}>, which is not understood; there are break, sub, say-as, prosody, p and s"))
                );
            }
        }
        Ok(())
    }

    /// Words join the ones before them at the same pace: a tag is no reason to draw breath.
    fn say(&mut self, words: &str, rate: f32) {
        match self.cues.last_mut() {
            Some(Cue::Say(before, pace)) if pace.to_bits() == rate.to_bits() => before.push_str(words),
            _ => self.cues.push(Cue::Say(words.to_owned(), rate)),
        }
    }

    fn pause(&self, node: Node<'_, '_>) -> Result<u32, Error> {
        if let Some(time) = node.attribute("time") {
            return milliseconds(time).ok_or_else(|| self.wrong(node, &format!("has time={time:?}; write 500ms or 1.5s, up to 10s")));
        }
        let strength = node.attribute("strength").unwrap_or("medium");
        let known = STRENGTHS.iter().find(|(name, _)| *name == strength).map(|(_, ms)| *ms);
        known.ok_or_else(|| self.wrong(node, &format!("has strength={strength:?}; write none, x-weak, weak, medium, strong or x-strong")))
    }

    fn rate(&self, node: Node<'_, '_>) -> Result<f32, Error> {
        if let Some(other) = node.attributes().find(|attribute| attribute.name() != "rate") {
            return Err(self.wrong(node, &format!("asks for {}; of prosody only rate is understood", other.name())));
        }
        let rate = self.attribute(node, "rate")?;
        let named = RATES.iter().find(|(name, _)| *name == rate).map(|(_, rate)| *rate);
        let factor = || rate.strip_suffix('%').map_or_else(|| rate.parse().ok(), |percent| Some(percent.parse::<f32>().ok()? / 100.0));
        let rate_is = named.or_else(factor).filter(|rate| (0.5..=2.0).contains(rate));
        rate_is.ok_or_else(|| self.wrong(node, &format!("has rate={rate:?}; write a name such as slow, or 50% to 200%")))
    }

    /// Letters and digits one by one where that is asked for; everything else is read rightly as it is written.
    fn spelt(&self, node: Node<'_, '_>) -> Result<String, Error> {
        let text: String = node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
        match self.attribute(node, "interpret-as")? {
            "characters" | "spell-out" | "verbatim" => Ok(apart(&text, char::is_alphanumeric)),
            "digits" => Ok(apart(&text, |c| c.is_ascii_digit())),
            "telephone" | "cardinal" | "number" | "ordinal" | "date" | "time" | "currency" | "unit" => Ok(text),
            other => Err(self.wrong(
                node,
                &format!(
                    "has interpret-as={other:?}; there are characters, digits, telephone, cardinal, ordinal, date, time, currency, unit"
                ),
            )),
        }
    }

    fn attribute<'n>(&self, node: Node<'n, '_>, name: &'static str) -> Result<&'n str, Error> {
        node.attribute(name).ok_or_else(|| self.wrong(node, &format!("lacks the attribute {name}")))
    }

    fn wrong(&self, node: Node<'_, '_>, what: &str) -> Error {
        let at = self.document.text_pos_at(node.range().start);
        Error::Ssml { reason: format!("<{}> in line {}, column {} {what}", node.tag_name().name(), at.row, at.col) }
    }
}

fn milliseconds(time: &str) -> Option<u32> {
    let seconds = match time.trim().strip_suffix("ms") {
        Some(ms) => ms.parse::<f32>().ok()? / 1000.0,
        None => time.trim().strip_suffix('s')?.parse().ok()?,
    };
    let ms = (seconds * 1000.0).round();
    (0.0..=PAUSE_MAX_MS as f32).contains(&ms).then_some(ms as u32)
}

/// The characters that count, with commas between: each is said by itself.
fn apart(text: &str, counts: impl Fn(char) -> bool) -> String {
    let characters: Vec<String> = text.chars().filter(|c| counts(*c)).map(String::from).collect();
    characters.join(" ")
}
