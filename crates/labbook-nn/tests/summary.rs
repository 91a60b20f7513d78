//! The summary and the names that count through the process, alone in theirs.

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Result, Sequential, clear_session,
};
use tch::Device;

const TENSORFLOW_2_4: &str = r#"Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #   
=================================================================
conv2d (Conv2D)              (None, 30, 30, 32)        896       
_________________________________________________________________
max_pooling2d (MaxPooling2D) (None, 15, 15, 32)        0         
_________________________________________________________________
conv2d_1 (Conv2D)            (None, 13, 13, 64)        18496     
_________________________________________________________________
max_pooling2d_1 (MaxPooling2 (None, 6, 6, 64)          0         
_________________________________________________________________
flatten (Flatten)            (None, 2304)              0         
_________________________________________________________________
dropout (Dropout)            (None, 2304)              0         
_________________________________________________________________
dense (Dense)                (None, 384)               885120    
_________________________________________________________________
dense_1 (Dense)              (None, 10)                3850      
=================================================================
Total params: 908,362
Trainable params: 908,362
Non-trainable params: 0
_________________________________________________________________"#;

fn model() -> Sequential {
    let mut model = Sequential::on(Device::Cpu);
    model.add(
        Conv2D::new(32, (3, 3))
            .activation(Relu)
            .input_shape((32, 32, 3)),
    );
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Conv2D::new(64, (3, 3)).activation(Relu));
    model.add(MaxPooling2D::new((2, 2)).strides(2));
    model.add(Flatten::new());
    model.add(Dropout::new(0.2));
    model.add(Dense::new(384).activation(Relu));
    model.add(Dense::new(10).activation(Softmax));
    model
}

#[test]
fn the_summary_equals_that_of_tensorflow_and_names_count_on() -> Result<()> {
    assert_eq!(model().summary()?.to_string(), TENSORFLOW_2_4);

    let second = model().summary()?;
    assert_eq!(second.model, "sequential_1");
    assert_eq!(second.rows[0].name, "conv2d_2");
    assert_eq!(second.rows[7].name, "dense_3");
    assert_eq!(second.total_params, 908_362);

    clear_session();
    assert_eq!(model().summary()?.to_string(), TENSORFLOW_2_4);

    // Of a compiled model a line more, the rest the same.
    clear_session();
    let mut compiled = model();
    compiled.compile("adam", "sparse_categorical_crossentropy", [])?;
    let told = compiled.summary()?.to_string();
    let (memory, keras): (Vec<&str>, Vec<&str>) = told
        .lines()
        .partition(|line| line.starts_with("Training memory: about "));
    assert_eq!(keras.join("\n"), TENSORFLOW_2_4);
    assert!(
        memory.len() == 1 && memory[0].ends_with(" MB with batches of 32"),
        "{memory:?}"
    );
    Ok(())
}
