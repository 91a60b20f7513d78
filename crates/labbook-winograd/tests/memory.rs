//! What is kept between calls; a process of its own, so that no other test has convolutions.

use labbook_winograd::{Convolution, Result, Sizes, Tile, release_memory};
use tch::{Device, Kind, Tensor};

#[test]
fn scratch_memory_goes_with_the_last_convolution() -> Result<()> {
    let sizes = Sizes {
        channels: 5,
        filters: 6,
        height: 6,
        width: 7,
        padding: 0,
    };
    let x = Tensor::ones([2, 6, 7, 5], (Kind::Float, Device::Cpu));
    let kernel = Tensor::ones([6, 5, 3, 3], (Kind::Float, Device::Cpu));
    let first = Convolution::new(sizes, Tile::Four)?;
    let second = first.clone();
    let third = Convolution::new(sizes, Tile::Two)?;
    assert_eq!(release_memory(), 0);

    let _ = first.forward(&x, &kernel, None)?;
    let kept = release_memory();
    assert!(kept > 0);
    assert_eq!(release_memory(), 0);

    // Others keep it, and use the same.
    let _ = first.forward(&x, &kernel, None)?;
    drop(first);
    let _ = second.forward(&x, &kernel, None)?;
    drop(second);
    assert_eq!(release_memory(), kept);

    let _ = third.forward(&x, &kernel, None)?;
    drop(third);
    assert_eq!(release_memory(), 0);
    let fourth = Convolution::new(sizes, Tile::Four)?;
    assert_eq!(release_memory(), 0);
    let _ = fourth.forward(&x, &kernel, None)?;
    assert_eq!(release_memory(), kept);
    Ok(())
}
