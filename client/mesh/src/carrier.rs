//! What carries an exchange between two members: the data channel between them, once there is one, but for what is to mend its path; else the
//! broker; else, or where it did not help, a member whom both still reach. An exchange begins and ends on one of them, and is over when that is lost.

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
    /// A member by way of whom another is reached: who says so may be wrong, or lie, so after one who did not help it is the next, in a
    /// circle. Nobody who could help is left out of it, whoever else comes, goes, or says now this and now that.
    pub(crate) fn helper(&self, to: MemberId, after: Option<MemberId>) -> Option<MemberId> {
        let able = || self.helpers.iter().filter(|(helper, reached)| *helper != to && reached.contains(&to));
        able().find(|(helper, _)| Some(*helper) > after).or_else(|| able().next()).map(|(helper, _)| *helper)
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
        assert_eq!(carriers.helper(c, None), Some(b));
        assert_eq!(carriers.helper(b, None), Some(c));
        assert_eq!(carriers.helper(member(9), None), None);
    }

    #[test]
    fn after_a_helper_who_did_not_help_comes_the_next_and_nobody_is_left_out() {
        let member = |n: u8| MemberId::from_random_bytes([n; 16]);
        let [a, b, c, d] = [1, 2, 3, 4].map(member);
        let all = Carriers { broker: false, helpers: vec![(a, vec![d]), (b, vec![d]), (c, vec![d])] };
        assert_eq!(
            [None, Some(a), Some(b), Some(c)].map(|last| all.helper(d, last)),
            [Some(a), Some(b), Some(c), Some(a)]
        );
        let silent = Carriers { broker: false, helpers: vec![(a, vec![]), (b, vec![d]), (c, vec![])] };
        assert_eq!([None, Some(a), Some(b), Some(c)].map(|last| silent.helper(d, last)), [Some(b); 4]);
    }
}
