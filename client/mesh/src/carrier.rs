//! What carries an exchange between two members: the data channel between them, once there is one; else the broker; else a member
//! whom both still reach. An exchange begins and ends on one of them, and is over when that is lost.

use klatch_shared::MemberId;

/// One way for signals. They are sealed for the pair on each of them: nobody in between can read or change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// The broker.
    Broker,
    /// The pair's own data channel.
    Channel,
    /// The data channels with this member, who passes on what is not for them.
    Via(MemberId),
}

/// What carries signals at this moment, but for the link's own channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carriers {
    /// Whether the broker does, as far as is known.
    pub(crate) broker: bool,
    /// The members with whom our channel works, in the order of their ids, and whom each of them reaches.
    pub(crate) helpers: Vec<(MemberId, Vec<MemberId>)>,
}

impl Carriers {
    /// A member by way of whom another is reached. Of several each `attempt` has another: who says so may be wrong, or lie.
    pub(crate) fn helper(&self, to: MemberId, attempt: u32) -> Option<MemberId> {
        let able = || self.helpers.iter().filter(|(helper, reached)| *helper != to && reached.contains(&to));
        let count = able().count().max(1);
        able().nth(attempt as usize % count).map(|(helper, _)| *helper)
    }

    /// Whether our channel with this member works.
    pub(crate) fn reaches(&self, member: MemberId) -> bool {
        self.helpers.iter().any(|(helper, _)| *helper == member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_somebody_else_who_reaches_the_member() {
        let member = |n: u8| MemberId::from_random_bytes([n; 16]);
        let [a, b, c] = [1, 2, 3].map(member);
        let carriers = Carriers { broker: false, helpers: vec![(a, vec![]), (b, vec![a, c]), (c, vec![b, c])] };
        assert_eq!(carriers.helper(c, 0), Some(b));
        assert_eq!(carriers.helper(b, 7), Some(c));
        assert_eq!(carriers.helper(member(9), 1), None);
    }

    #[test]
    fn of_several_helpers_each_attempt_has_another() {
        let member = |n: u8| MemberId::from_random_bytes([n; 16]);
        let [a, b, c] = [1, 2, 3].map(member);
        let carriers = Carriers { broker: false, helpers: vec![(a, vec![c]), (b, vec![c])] };
        assert_eq!([4, 5, 6].map(|attempt| carriers.helper(c, attempt)), [Some(a), Some(b), Some(a)]);
    }
}
