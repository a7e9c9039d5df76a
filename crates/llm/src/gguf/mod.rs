//! A GGUF file: metadata with typed access, tensors on demand.
//!
//! Owns the open file and every complaint about it: a short, damaged or foreign file becomes an [`Error::BadModel`]
//! that names it. Does not know any architecture.

mod alignment;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{Content, Value};

use crate::Error;

/// Names of `general.file_type`, from ggml's `llama_ftype`.
const FILE_TYPES: &[(u32, &str)] = &[
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (32, "BF16"),
];

#[derive(Debug)]
pub(crate) struct Gguf {
    path: PathBuf,
    content: Content,
}

impl Gguf {
    /// Reads the header and checks that every tensor it lists lies inside the file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let bad = |what: String| Error::BadModel { path: path.to_owned(), what };
        let file = File::open(path).map_err(|e| bad(format!("cannot be opened ({e})")))?;
        let length = file.metadata().map_err(|e| bad(format!("cannot be read ({e})")))?.len();
        // The reader divides by it.
        if alignment::is_zero(BufReader::new(&file)) {
            return Err(bad("aligns its tensors to multiples of zero".to_owned()));
        }
        let mut reader = BufReader::new(file);
        reader.rewind().map_err(|e| bad(format!("cannot be read ({e})")))?;
        let content = Content::read(&mut reader).map_err(|e| bad(format!("is not a readable GGUF file ({e})")))?;
        for (name, tensor) in &content.tensor_infos {
            let elements = tensor.shape.dims().iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64));
            let bytes =
                elements.and_then(|n| (n / tensor.ggml_dtype.block_size() as u64).checked_mul(tensor.ggml_dtype.type_size() as u64));
            let end = bytes.and_then(|b| content.tensor_data_offset.checked_add(tensor.offset)?.checked_add(b));
            if end.is_none_or(|end| end > length) {
                return Err(bad(format!("ends before its tensor {name}: the file has {length} bytes")));
            }
        }
        Ok(Self { path: path.to_owned(), content })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bad(&self, what: impl Into<String>) -> Error {
        Error::BadModel { path: self.path.clone(), what: what.into() }
    }

    pub(crate) fn unsupported(&self, what: impl Into<String>) -> Error {
        Error::Unsupported { path: self.path.clone(), what: what.into() }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.content.metadata.get(key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.value(key).and_then(|v| v.to_string().ok()).map(String::as_str)
    }

    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        self.value(key).and_then(|v| v.to_bool().ok())
    }

    pub(crate) fn number(&self, key: &str) -> Option<usize> {
        let value = self.value(key)?;
        value.to_u64().ok().or_else(|| value.to_i64().ok().and_then(|v| u64::try_from(v).ok())).map(|v| v as usize)
    }

    pub(crate) fn float(&self, key: &str) -> Option<f32> {
        self.value(key).and_then(|v| v.to_f32().ok())
    }

    /// Entries of a list.
    pub(crate) fn length(&self, key: &str) -> Option<usize> {
        self.value(key).and_then(|v| v.to_vec().ok()).map(Vec::len)
    }

    /// A number that the architecture cannot do without.
    pub(crate) fn required(&self, key: &str) -> Result<usize, Error> {
        self.number(key).filter(|&n| n > 0).ok_or_else(|| self.bad(format!("has no usable `{key}` in its metadata")))
    }

    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// The matrix `name`, which must have these rows and columns; 0 leaves a number to the file.
    pub(crate) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<QTensor, Error> {
        let tensor = self.tensor(name)?;
        let fits = |(found, wanted): (&usize, usize)| *found > 0 && (wanted == 0 || *found == wanted);
        let shape = tensor.shape().dims();
        if shape.len() != 2 || !shape.iter().zip([rows, columns]).all(fits) {
            return Err(self.bad(format!("has a tensor `{name}` of {shape:?} where its metadata says [{rows}, {columns}]")));
        }
        Ok(tensor)
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<QTensor, Error> {
        if !self.has_tensor(name) {
            return Err(self.bad(format!("has no tensor `{name}`")));
        }
        let file = File::open(&self.path).map_err(|e| self.bad(format!("cannot be opened ({e})")))?;
        let mut reader = BufReader::new(file);
        self.content.tensor(&mut reader, name, &Device::Cpu).map_err(|e| self.bad(format!("tensor `{name}` cannot be read ({e})")))
    }

    /// Rows and columns that the header gives the tensor `name`.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.content.tensor_infos.get(name).map(|tensor| tensor.shape.dims())
    }

    /// Weights in all tensors together.
    pub(crate) fn parameters(&self) -> u64 {
        self.content.tensor_infos.values().map(|t| t.shape.elem_count() as u64).sum()
    }

    /// How many tensors have which type.
    pub(crate) fn tensor_types(&self) -> BTreeMap<String, usize> {
        let mut types = BTreeMap::new();
        for tensor in self.content.tensor_infos.values() {
            *types.entry(format!("{:?}", tensor.ggml_dtype)).or_default() += 1;
        }
        types
    }

    pub(crate) fn quantisation(&self) -> String {
        let kind = self.number("general.file_type");
        let known = FILE_TYPES.iter().find(|(id, _)| Some(*id as usize) == kind);
        known.map_or_else(|| "mixed".to_owned(), |(_, name)| (*name).to_owned())
    }
}
