//! How the beginning of a conversation is read.

use crate::dissect::{Offer, Reading, datagram, stream, stream_without_classes};

/// How a beginning is read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) ports: [u16; 2],
    pub(super) is_stream: bool,
    pub(super) wants_classes: bool,
    /// What the client of a stream offers, once its hello was read. What else it sends is
    /// not kept then.
    pub(super) offer: Option<Offer>,
}

impl Reader {
    /// Reads what client and server have sent, or the server alone where it is known what
    /// the client offers.
    pub(super) fn read(&mut self, [client, server]: [&[u8]; 2], is_over: bool) -> Reading {
        if let Some(offer) = &mut self.offer {
            offer.answered(server, is_over)
        } else if self.is_stream {
            let read = if self.wants_classes {
                stream
            } else {
                stream_without_classes
            };
            read(client, server, self.ports, is_over)
        } else if is_over {
            Reading::Done(datagram(client, server, self.ports))
        } else {
            Reading::More
        }
    }
}
