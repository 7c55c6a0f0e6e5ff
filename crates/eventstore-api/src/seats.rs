//! Seats for open reads and subscriptions.
//!
//! For: a bound on how many one client, and all together, keep open.
//! May not know: what they read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::fault::Fault;
use crate::limits::{SEATS, SEATS_PER_CLIENT};

/// The seats of this door.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<Option<IpAddr>, usize>,
}

/// One seat, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    client: Option<IpAddr>,
}

impl Seats {
    /// A seat for a client, or why there is none.
    pub(crate) fn take(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Seat, Fault> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = taken.by_client.get(&client).copied().unwrap_or(0);
        if of_client >= SEATS_PER_CLIENT {
            return Err(Fault::TooMany(format!(
                "this client has {SEATS_PER_CLIENT} reads and subscriptions open, the most one may have; end some first"
            )));
        }
        if taken.all >= SEATS {
            return Err(Fault::TooMany(format!(
                "{SEATS} reads and subscriptions are open, the most this server keeps; try again later"
            )));
        }
        taken.all += 1;
        taken.by_client.insert(client, of_client + 1);
        Ok(Seat {
            seats: Arc::clone(self),
            client,
        })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(of_client) = taken.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(number: usize) -> Option<IpAddr> {
        let number = u32::try_from(number).unwrap();
        Some(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    #[test]
    fn one_client_cannot_take_every_seat_and_gets_its_own_back() {
        let seats = Arc::new(Seats::default());
        let mut held: Vec<_> = (0..SEATS_PER_CLIENT)
            .map(|_| seats.take(client(1)).unwrap())
            .collect();
        assert!(matches!(seats.take(client(1)), Err(Fault::TooMany(_))));
        assert!(seats.take(client(2)).is_ok(), "others are not concerned");
        held.pop();
        assert!(seats.take(client(1)).is_ok());
        drop(held);
        assert_eq!(seats.taken(), 0);
        assert!(seats.0.lock().unwrap().by_client.is_empty());
    }

    #[test]
    fn there_are_no_more_seats_than_the_limit() {
        let seats = Arc::new(Seats::default());
        let held: Vec<_> = (0..SEATS).map(|n| seats.take(client(n)).unwrap()).collect();
        assert!(matches!(seats.take(client(SEATS)), Err(Fault::TooMany(_))));
        drop(held);
    }
}
