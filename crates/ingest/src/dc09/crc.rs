//! The checksum of SIA DC-09: CRC-16/ARC.
//!
//! For: sixteen bits over the bytes from a frame's first quotation mark to before its carriage return.
//! May not know: how a frame writes it.

/// Reflected polynomial 0xA001 (0x8005), initial value 0, no final exclusive-or (ANSI/SIA DC-09, "CRC").
///
/// Computed and not looked up in a printed table: the one in an early DC-07 has a misprint.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0xA001
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

/// The checksum of these bytes.
pub(crate) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |value: u16, byte| {
        let [low, _] = value.to_le_bytes();
        TABLE[usize::from(low ^ byte)] ^ (value >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_and_the_misprinted_entry_are_right() {
        assert_eq!(crc(b"123456789"), 0xBB3D);
        assert_eq!(crc(b""), 0);
        assert_eq!(TABLE[1], 0xC0C1);
        assert!(TABLE.contains(&0xEB01), "the entry that is misprinted");
        assert_eq!(crc(b"\"NULL\"0000R1L0#1234[]"), 0xED62);
    }
}
