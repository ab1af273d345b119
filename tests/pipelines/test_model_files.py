from pathlib import Path

from pipelines.model_files import model_digest


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def test_equal_files_are_one_model_wherever_they_lie(tmp_path: Path) -> None:
    assert model_digest(str(write(tmp_path / "a", config="1", weights="2"))) == model_digest(
        str(write(tmp_path / "b", config="1", weights="2"))
    )


def test_other_bytes_or_names_are_another_model(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", config="1", weights="2")
    first = model_digest(str(folder))
    assert model_digest(str(write(folder, weights="3!"))) != first
    assert model_digest(str(write(tmp_path / "b", config="1", weight="2"))) != first


def test_a_name_that_is_no_folder_has_the_digest_of_nothing(tmp_path: Path) -> None:
    assert model_digest("someone/some-model") == model_digest(str(write(tmp_path / "empty")))


def test_other_dense_layers_are_another_model_and_other_folders_are_none_of_it(tmp_path: Path) -> None:
    write(tmp_path, **{"modules.json": '[{"path": "behind", "type": "sentence_transformers.models.Dense"}]'})
    for folder in ("behind", "onnx"):
        (tmp_path / folder).mkdir()
    found = [model_digest(str(tmp_path))]
    for file in ("onnx/model.onnx", "behind/model.safetensors"):
        (tmp_path / file).write_bytes(b"weights")
        found.append(model_digest(str(tmp_path)))
    assert found[0] == found[1] != found[2]
