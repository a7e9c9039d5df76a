//! Properties as they travel: names made readable, in place.

use lapin::BasicProperties;
use lapin::protocol::basic::parse_properties;

/// The properties with each byte of a name that is not ASCII replaced, if only that makes them readable.
pub(crate) fn readable(bytes: &[u8]) -> Option<BasicProperties> {
    if parse_properties(bytes).is_ok() {
        return None;
    }
    let mut mended = bytes.to_vec();
    // What is not even a table goes to the dead queue without its properties.
    Walk { bytes: &mut mended, at: 0 }.properties();
    Some(parse_properties(&mended[..]).map(|(_, properties)| properties).unwrap_or_default())
}

struct Walk<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl Walk<'_> {
    /// The order of the fields and their flags are the specification's.
    fn properties(&mut self) -> Option<()> {
        let flags = u16::from_be_bytes([self.byte()?, self.byte()?]);
        let has = |bit: u16| flags & (1 << bit) != 0;
        for bit in (0..16).rev().filter(|bit| has(*bit)) {
            match bit {
                13 => self.table()?,
                12 | 11 => self.skip(1)?,
                6 => self.skip(8)?,
                _ => self.name()?,
            }
        }
        Some(())
    }

    fn table(&mut self) -> Option<()> {
        let end = self.length()?;
        while self.at < end {
            self.name()?;
            self.value()?;
        }
        Some(())
    }

    fn value(&mut self) -> Option<()> {
        match self.byte()? {
            b't' | b'b' | b'B' => self.skip(1),
            b's' | b'U' | b'u' => self.skip(2),
            b'I' | b'i' | b'f' => self.skip(4),
            b'D' => self.skip(5),
            b'L' | b'l' | b'd' | b'T' => self.skip(8),
            b'S' | b'x' => {
                self.at = self.length()?;
                Some(())
            }
            b'A' => {
                let end = self.length()?;
                while self.at < end {
                    self.value()?;
                }
                Some(())
            }
            b'F' => self.table(),
            b'V' => Some(()),
            _ => None,
        }
    }

    /// A short string: the only kind that has to be UTF-8.
    fn name(&mut self) -> Option<()> {
        let length = usize::from(self.byte()?);
        let name = self.bytes.get_mut(self.at..self.at + length)?;
        if std::str::from_utf8(name).is_err() {
            for byte in name.iter_mut().filter(|byte| !byte.is_ascii()) {
                *byte = b'?';
            }
        }
        self.at += length;
        Some(())
    }

    /// Where that ends whose length stands here.
    fn length(&mut self) -> Option<usize> {
        let length = u32::from_be_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]) as usize;
        self.at.checked_add(length).filter(|end| *end <= self.bytes.len())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|end| *end <= self.bytes.len())?;
        Some(())
    }
}
