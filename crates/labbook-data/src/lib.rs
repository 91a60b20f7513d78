//! CIFAR-10 and the drawn stand-in data set: reading, checking, slicing into arrays and tensors.
