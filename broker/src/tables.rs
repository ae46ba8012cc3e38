//! Tables that give back what they took: of themselves they keep room for as many as there ever were at once.

use std::collections::HashMap;
use std::hash::Hash;

/// Smaller ones are kept as they are.
const SMALL: usize = 64;

/// How many times more than there are a table may have room for.
const ROOMY: usize = 8;

/// Removes, and makes the table small once it is nearly empty. As it keeps room for twice as many as are left, that is seldom.
pub(crate) fn remove<K: Eq + Hash, V>(table: &mut HashMap<K, V>, key: &K) -> Option<V> {
    let removed = table.remove(key);
    if table.capacity() > SMALL && table.capacity() / ROOMY > table.len() {
        table.shrink_to(table.len().saturating_mul(2));
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_was_full_once_is_small_when_nearly_nobody_is_left_and_holds_them() {
        let mut table: HashMap<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
        let full = table.capacity();
        for key in 0..9_990 {
            assert_eq!(remove(&mut table, &key), Some(key));
            assert!(table.capacity() <= SMALL || table.capacity() / ROOMY <= table.len(), "{key}");
        }
        assert!(table.capacity() <= SMALL && full >= 10_000);
        assert!((9_990..10_000).all(|key| table.get(&key) == Some(&key)));
        assert_eq!(remove(&mut table, &5), None);
    }

    #[test]
    fn a_table_that_is_half_full_is_left_alone() {
        let mut table: HashMap<u32, u32> = (0..100).map(|key| (key, key)).collect();
        for key in 0..50 {
            remove(&mut table, &key);
        }
        assert!(table.capacity() > SMALL);
    }
}
