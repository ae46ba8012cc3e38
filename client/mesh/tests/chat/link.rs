//! The channel between two members: ordered and reliable while it is open, and what is on the way is lost with it.

use std::collections::VecDeque;

/// What comes to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Opened,
    Closed,
    Text(String),
}

/// The channel; its ends are 0 and 1.
#[derive(Clone, Debug, Default)]
pub struct Link {
    pub up: bool,
    /// To each end.
    pub ways: [VecDeque<Item>; 2],
}

impl Link {
    /// It opens, and each end will hear of it.
    pub fn mend(&mut self) {
        if !self.up {
            self.up = true;
            self.ways.iter_mut().for_each(|way| way.push_back(Item::Opened));
        }
    }

    /// It breaks, and each end will hear of it.
    pub fn cut(&mut self) {
        if self.up {
            self.up = false;
            self.ways = [Item::Closed, Item::Closed].map(|item| VecDeque::from([item]));
        }
    }

    /// One end says something.
    pub fn say(&mut self, end: usize, text: String) {
        if self.up {
            self.ways[1 - end].push_back(Item::Text(text));
        }
    }
}
