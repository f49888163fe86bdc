//! Which ports are asked for: the query parameters of `pods/portforward`.

use crate::query::{Query, QueryError};

/// PodPortForwardOptions. kubectl gives none, and asks for ports later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PortForwardOptions {
    ports: Vec<u16>,
}

/// Such ports can't be asked for. The reason is `BadRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PortForwardOptionsError {
    /// A port is no number of 16 bits.
    #[error("cannot convert to []int32: {0}")]
    Query(#[from] QueryError),
    /// There is no port 0.
    #[error("port {0:?} must be > 0")]
    Zero(String),
    /// Channels are asked for, but no ports.
    #[error("query parameter \"port\" is required")]
    Missing,
    /// There are 256 channels, and each port has two.
    #[error("query parameter \"port\" has {0} ports, of which there can be 128")]
    TooMany(usize),
}

impl PortForwardOptions {
    /// Reads a URL's part after the question mark.
    ///
    /// # Errors
    /// [`PortForwardOptionsError`], but for the last two.
    pub(crate) fn parse(query: &str) -> Result<Self, PortForwardOptionsError> {
        let query = Query::parse(query);
        let texts = query.all("ports").flat_map(|ports| ports.split(','));
        Ok(Self {
            ports: texts.map(port).collect::<Result<_, _>>()?,
        })
    }

    /// The ports with the channel for each; the next channel is for its errors.
    pub(super) fn channels(self) -> Result<Vec<(u8, u16)>, PortForwardOptionsError> {
        let count = self.ports.len();
        if count == 0 {
            return Err(PortForwardOptionsError::Missing);
        }
        let channels = (0..=u8::MAX).step_by(2);
        if count > channels.len() {
            return Err(PortForwardOptionsError::TooMany(count));
        }
        Ok(channels.zip(self.ports).collect())
    }
}

/// Reads a port.
pub(super) fn port(text: &str) -> Result<u16, PortForwardOptionsError> {
    match text.parse::<u16>() {
        Ok(0) => Err(PortForwardOptionsError::Zero(text.to_owned())),
        Ok(port) => Ok(port),
        Err(error) => Err(QueryError::number("ParseUint", text, &error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_one_by_one_or_in_lists() {
        let cases = [
            ("", Err("query parameter \"port\" is required")),
            ("ports=80", Ok(&[(0, 80)][..])),
            ("ports=80&ports=443", Ok(&[(0, 80), (2, 443)])),
            ("ports=80,443&ports=53", Ok(&[(0, 80), (2, 443), (4, 53)])),
            ("ports=0", Err("port \"0\" must be > 0")),
            (
                "ports=",
                Err("cannot convert to []int32: strconv.ParseUint: parsing \"\": invalid syntax"),
            ),
            (
                "ports=80,65536",
                Err("cannot convert to []int32: strconv.ParseUint: parsing \"65536\": value out of range"),
            ),
            (
                "ports=-1",
                Err("cannot convert to []int32: strconv.ParseUint: parsing \"-1\": invalid syntax"),
            ),
        ];
        for (query, expected) in cases {
            let channels = PortForwardOptions::parse(query).and_then(PortForwardOptions::channels);
            let expected = expected.map(<[_]>::to_vec).map_err(str::to_owned);
            assert_eq!(channels.map_err(|error| error.to_string()), expected, "{query}");
        }
    }

    #[test]
    fn there_are_channels_for_128_ports() {
        let channels = |count: usize| {
            PortForwardOptions {
                ports: vec![80; count],
            }
            .channels()
        };
        assert_eq!(channels(128).unwrap().last(), Some(&(254, 80)));
        assert_eq!(channels(129), Err(PortForwardOptionsError::TooMany(129)));
    }
}
