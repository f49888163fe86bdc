//! Protobuf's wire format: the fields of a message by their numbers, not knowing what they are.

/// Why bytes are not the message that they should be, in the server's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub(crate) enum WireError {
    #[error("empty data")]
    EmptyData,
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoPrefix,
    #[error("empty body")]
    EmptyBody,
    #[error("unexpected EOF")]
    UnexpectedEof,
    #[error("proto: integer overflow")]
    Overflow,
    #[error("proto: negative length found during unmarshaling")]
    NegativeLength,
    #[error("proto: illegal wireType {0}")]
    IllegalWireType(u8),
    #[error("proto: {message}: illegal tag {number} (wire type {tag})")]
    IllegalTag {
        message: &'static str,
        number: i32,
        tag: u64,
    },
    #[error("proto: {0}: wiretype end group for non-group")]
    EndOfNoGroup(&'static str),
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    WrongWireType { wire_type: u8, field: String },
    #[error("time {0} is out of range")]
    Time(i64),
    #[error("{0}")]
    Json(String),
}

/// What is on the wire for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    Group,
    Fixed32,
}

impl<'a> Wire<'a> {
    /// The integer that a field of this name should be.
    pub(super) fn varint(self, field: &str) -> Result<u64, WireError> {
        match self {
            Self::Varint(number) => Ok(number),
            other => Err(other.wrong(field)),
        }
    }

    /// The text, bytes or message that a field of this name should be.
    pub(super) fn bytes(self, field: &str) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.wrong(field)),
        }
    }

    /// Bytes that should be UTF-8.
    pub(super) fn text(self, field: &str) -> Result<String, WireError> {
        Ok(String::from_utf8_lossy(self.bytes(field)?).into_owned())
    }

    /// Go's names of fields begin with a capital letter.
    fn wrong(self, field: &str) -> WireError {
        let wire_type = match self {
            Self::Varint(_) => 0,
            Self::Fixed64 => 1,
            Self::Bytes(_) => 2,
            Self::Group => 3,
            Self::Fixed32 => 5,
        };
        let mut field = field.to_owned();
        if let Some(first) = field.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        WireError::WrongWireType { wire_type, field }
    }
}

/// The fields of a message, each with its number, in the order of the wire.
pub(super) struct Fields<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a message of such a type.
    pub(super) fn of(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, rest: bytes }
    }

    fn next_field(&mut self) -> Result<(u32, Wire<'a>), WireError> {
        let tag = varint(&mut self.rest)?;
        // As Go has it: whatever is above 32 bits is cut off.
        let number = (tag >> 3) as i32;
        let message = self.message;
        match u32::try_from(number) {
            _ if tag & 7 == END_OF_GROUP => Err(WireError::EndOfNoGroup(message)),
            Err(_) | Ok(0) => Err(WireError::IllegalTag { message, number, tag }),
            Ok(number) => Ok((number, value(&mut self.rest, tag)?)),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), WireError>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.next_field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

const END_OF_GROUP: u64 = 4;

/// Takes an integer; bits above the 64th are cut off.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(WireError::UnexpectedEof)?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(WireError::Overflow)
}

fn value<'a>(rest: &mut &'a [u8], tag: u64) -> Result<Wire<'a>, WireError> {
    Ok(match tag & 7 {
        0 => Wire::Varint(varint(rest)?),
        1 => take(rest, 8).map(|_| Wire::Fixed64)?,
        2 => {
            let length = varint(rest)?;
            let length = i64::try_from(length).map_err(|_| WireError::NegativeLength)?;
            Wire::Bytes(take(rest, usize::try_from(length).unwrap_or(usize::MAX))?)
        }
        3 => {
            skip_group(rest)?;
            Wire::Group
        }
        5 => take(rest, 4).map(|_| Wire::Fixed32)?,
        other => return Err(WireError::IllegalWireType(other as u8)),
    })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], WireError> {
    let (taken, tail) = rest.split_at_checked(length).ok_or(WireError::UnexpectedEof)?;
    *rest = tail;
    Ok(taken)
}

/// Takes what is left of a group, and of the groups in it: however many, they need no stack.
fn skip_group(rest: &mut &[u8]) -> Result<(), WireError> {
    let mut depth = 1;
    while depth > 0 {
        match varint(rest)? & 7 {
            3 => depth += 1,
            END_OF_GROUP => depth -= 1,
            wire_type => drop(value(rest, wire_type)?),
        }
    }
    Ok(())
}
