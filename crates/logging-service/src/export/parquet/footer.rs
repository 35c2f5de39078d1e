//! The order of columns in the footer of a file, as readers know it.
//!
//! The library says of doubles that their least and greatest values are in the total order of IEEE 754. That order is newer
//! than most readers, pyarrow 26 among them, and a reader ignores statistics in an order that it does not know. The doubles
//! of this log are never NaN, and of such numbers the order is the one that every reader knows.
//!
//! Rule of thumb: bytes are changed only where they are exactly what is expected; any other footer stays as it is.

/// What ends a Parquet file, after four bytes with the length of the footer.
const MAGIC: &[u8] = b"PAR1";
/// One column order in Thrift's compact protocol: the number of the union's field, an empty structure, the union's end.
const TOTAL_ORDER: [u8; 3] = [0x2c, 0, 0];
const TYPE_ORDER: [u8; 3] = [0x1c, 0, 0];

/// Writes the order of each type in place of the total order, in the last bytes of a file with so many columns.
pub(super) fn name_known_orders(file: &mut [u8], columns: usize) {
    let Some(footer) = file.strip_suffix(MAGIC).and_then(|rest| rest.len().checked_sub(4)) else { return };
    // The orders are the last member of the footer, which ends with a 0.
    let Some(end) = footer.checked_sub(1) else { return };
    let Some(start) = end.checked_sub(TYPE_ORDER.len() * columns) else { return };
    let Some(([.., last], orders)) = file.get_mut(..footer).and_then(|footer| {
        let (orders, stop) = footer.split_at_mut_checked(end)?;
        Some((stop, orders.get_mut(start..)?))
    }) else {
        return;
    };
    let (orders, _) = orders.as_chunks_mut::<3>();
    if *last == 0 && orders.iter().all(|order| [TOTAL_ORDER, TYPE_ORDER].contains(order)) {
        orders.iter_mut().filter(|order| **order == TOTAL_ORDER).for_each(|order| *order = TYPE_ORDER);
    }
}
