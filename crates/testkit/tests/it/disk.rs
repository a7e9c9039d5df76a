use std::fs;
use std::io::ErrorKind;

use viva_testkit::with_small_disk;

#[test]
fn a_small_disk_takes_a_little_and_then_is_full() {
    with_small_disk("disk::a_small_disk_takes_a_little_and_then_is_full", 1 << 20, |dir| {
        fs::write(dir.join("small"), vec![0; 100 << 10]).unwrap();
        let full = fs::write(dir.join("large"), vec![0; 4 << 20]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    });
}
