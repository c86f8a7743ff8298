//! How does a heap graph write a small whole number in few bytes?
//!
//! Groups of seven bits, the most significant first; 0x80 says that more follow; the first group is
//! signed. Knows nothing of nodes. (PerfView, FastSerialization: compressed integers of a graph.)

/// The longest form of a 32-bit number: five groups.
pub(super) const LONGEST: usize = 5;
/// Bits of a group.
const GROUP: u32 = 7;

/// Appends a number in its shortest form.
pub(super) fn write(out: &mut Vec<u8>, value: i32) {
    // A first group keeps one bit for the sign: each group more adds seven.
    let groups = (1..5).find(|groups| {
        let bits = GROUP * groups - 1;
        (value >> bits) == 0 || (value >> bits) == -1
    });
    for group in (0..groups.unwrap_or(5)).rev() {
        let bits = (i64::from(value) >> (GROUP * group)).to_le_bytes()[0] & 0x7f;
        out.push(if group == 0 { bits } else { bits | 0x80 });
    }
}

/// Takes a number off the front of the bytes; `None` if they end inside it or it is none of 32 bits.
pub(super) fn read(bytes: &mut &[u8]) -> Option<i32> {
    let mut value = 0_i64;
    for at in 0..LONGEST {
        let byte = *bytes.get(at)?;
        let group = if at == 0 {
            i64::from((byte << 1).cast_signed() >> 1)
        } else {
            i64::from(byte & 0x7f)
        };
        value = (value << GROUP) | group;
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return i32::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: i32) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, value);
        out
    }

    #[test]
    fn known_forms() {
        assert_eq!(written(0), [0x00]);
        assert_eq!(written(63), [0x3f]);
        assert_eq!(written(64), [0x80, 0x40]);
        assert_eq!(written(-1), [0x7f]);
        assert_eq!(written(-64), [0x40]);
        assert_eq!(written(-65), [0xff, 0x3f]);
        assert_eq!(written(i32::MAX).len(), LONGEST);
        assert_eq!(written(i32::MIN).len(), LONGEST);
    }

    #[test]
    fn what_is_no_number_of_32_bits_is_refused() {
        assert_eq!(read(&mut [].as_slice()), None);
        assert_eq!(read(&mut [0x80].as_slice()), None);
        assert_eq!(read(&mut [0x80; 6].as_slice()), None);
        assert_eq!(read(&mut [0x9f, 0xff, 0xff, 0xff, 0x7f].as_slice()), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any::<i32>(), rest in any::<u8>()) {
            let mut bytes = written(value);
            prop_assert!(bytes.len() <= LONGEST);
            bytes.push(rest);
            let mut left = bytes.as_slice();
            prop_assert_eq!(read(&mut left), Some(value));
            prop_assert_eq!(left, &[rest]);
        }
    }
}
