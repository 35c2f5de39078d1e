"""Models that are trained here and now by scikit-learn, LightGBM and XGBoost, and exported as their users do."""

import lightgbm
import numpy
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloatTensorType
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

ROWS = 12


def put_all(shelf):
    """Puts all of them on the shelf."""
    classifiers(shelf)
    regressors(shelf)
    boosted(shelf)
    texts(shelf)
    table(shelf)
    outliers(shelf)


def classifiers(shelf):
    flowers, kinds = load_iris(return_X_y=True)
    names = numpy.array(["setosa", "versicolor", "virginica"])[kinds]
    cells, malignant = load_breast_cancer(return_X_y=True)
    network = MLPClassifier((16,), max_iter=300, random_state=0)
    for name, model, (rows, labels) in [
        ("logistic", LogisticRegression(max_iter=500), (flowers, names)),
        ("logistic_binary", make_pipeline(StandardScaler(), LogisticRegression()), (cells, malignant)),
        ("forest", RandomForestClassifier(n_estimators=20, random_state=0), (flowers, kinds)),
        ("forest_binary", RandomForestClassifier(n_estimators=20, random_state=0), (cells, malignant)),
        ("gradient_boosting", GradientBoostingClassifier(n_estimators=20, random_state=0), (cells, malignant)),
        ("support_vectors", SVC(probability=True, random_state=0), (flowers, names)),
        ("perceptron", make_pipeline(StandardScaler(), network), (flowers, kinds)),
    ]:
        rows = rows.astype("float32")
        model.fit(rows, labels)
        of = dict(initial_types=[("X", FloatTensorType([None, rows.shape[1]]))])
        plain = convert_sklearn(model, options={"zipmap": False}, **of).SerializeToString()
        asked = _some(shelf, rows)
        shelf.put(f"sklearn_{name}", plain, [{"X": asked[:1]}, {"X": asked}])
        expected = (asked, model.classes_, model.predict_proba(asked))
        # The label that support vectors give comes from votes and may be another than the likeliest.
        by_probability = 'output_name = "probabilities"\n' if name == "support_vectors" else ""
        shelf.put_classifier(f"sklearn_{name}_classes", plain, *expected, by_probability)
        if name in ("logistic", "forest"):
            zipped = convert_sklearn(model, **of).SerializeToString()
            shelf.put_classifier(f"sklearn_{name}_zipmap", zipped, *expected)


def regressors(shelf):
    rows, values = load_diabetes(return_X_y=True)
    rows = rows.astype("float32")
    for name, model in [
        ("ridge", make_pipeline(StandardScaler(), Ridge())),
        ("forest_regressor", RandomForestRegressor(n_estimators=15, random_state=0)),
    ]:
        model.fit(rows, values)
        file = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, rows.shape[1]]))])
        _put_regressor(shelf, f"sklearn_{name}", file.SerializeToString(), "X", model, _some(shelf, rows))


def boosted(shelf):
    """LightGBM and XGBoost, as onnxmltools exports them."""
    flowers, kinds = load_iris(return_X_y=True)
    cells, malignant = load_breast_cancer(return_X_y=True)
    sugars, values = load_diabetes(return_X_y=True)

    def light(model, inputs):
        return convert_lightgbm(model, initial_types=inputs, zipmap=False)

    def extreme(model, inputs):
        return convert_xgboost(model, initial_types=inputs)

    for name, model, convert, (rows, labels) in [
        ("lightgbm", lightgbm.LGBMClassifier(n_estimators=15, verbose=-1), light, (flowers, kinds)),
        ("lightgbm_binary", lightgbm.LGBMClassifier(n_estimators=15, verbose=-1), light, (cells, malignant)),
        ("lightgbm_regressor", lightgbm.LGBMRegressor(n_estimators=15, verbose=-1), light, (sugars, values)),
        ("xgboost", xgboost.XGBClassifier(n_estimators=15), extreme, (flowers, kinds)),
        ("xgboost_binary", xgboost.XGBClassifier(n_estimators=15), extreme, (cells, malignant)),
        ("xgboost_regressor", xgboost.XGBRegressor(n_estimators=15), extreme, (sugars, values)),
    ]:
        rows = rows.astype("float32")
        model.fit(rows, labels)
        file = convert(model, [("input", ToolsFloatTensorType([None, rows.shape[1]]))]).SerializeToString()
        asked = _some(shelf, rows)
        if hasattr(model, "predict_proba"):
            shelf.put(name, file, [{"input": asked[:1]}, {"input": asked}])
            shelf.put_classifier(f"{name}_classes", file, asked, model.classes_, model.predict_proba(asked))
        else:
            _put_regressor(shelf, name, file, "input", model, asked)


def texts(shelf):
    """What a sentence is about: a text goes in."""
    sentences = ["the cell divides", "a flower blooms", "cells grow", "flowers in spring", "the flower", "one cell"]
    about = ["cells", "flowers", "cells", "flowers", "flowers", "cells"]
    model = make_pipeline(TfidfVectorizer(lowercase=False), LogisticRegression()).fit(sentences, about)
    options = {id(model): {"zipmap": False}}
    file = convert_sklearn(model, initial_types=[("text", StringTensorType([None, 1]))], options=options)
    asked = [numpy.array([[text] for text in texts]) for texts in (sentences, ["a cell in spring"])]
    shelf.put("sklearn_text", file.SerializeToString(), [{"text": texts} for texts in asked])


def table(shelf):
    """Columns of numbers and of texts, each an input of its own."""
    count = 60
    age, size = (shelf.random.normal(0, 1, (count, 1)).astype("float32") for _ in range(2))
    colour = shelf.random.choice(["red", "green", "blue"], (count, 1))
    columns = numpy.hstack([age.astype(object), size.astype(object), colour.astype(object)])
    labels = (age[:, 0] + (colour[:, 0] == "red") > 0.3).astype(int)
    encode = ColumnTransformer([("numbers", StandardScaler(), [0, 1]), ("colour", OneHotEncoder(), [2])])
    model = make_pipeline(encode, LogisticRegression()).fit(columns, labels)
    number, text = FloatTensorType([None, 1]), StringTensorType([None, 1])
    inputs = [("age", number), ("size", number), ("colour", text)]
    file = convert_sklearn(model, initial_types=inputs, options={"zipmap": False})
    requests = [{"age": age[:n], "size": size[:n], "colour": colour[:n].astype(str)} for n in (1, 9)]
    shelf.put("sklearn_columns", file.SerializeToString(), requests)


def outliers(shelf):
    """What is unlike the rest: a label and a score that is no probability."""
    rows = load_iris().data.astype("float32")
    model = IsolationForest(n_estimators=15, random_state=0).fit(rows)
    of = dict(initial_types=[("X", FloatTensorType([None, 4]))], target_opset={"": 18, "ai.onnx.ml": 3})
    asked = _some(shelf, rows)
    file = convert_sklearn(model, **of).SerializeToString()
    shelf.put("sklearn_isolation_forest", file, [{"X": asked[:1]}, {"X": asked}])


def _put_regressor(shelf, name, file, input_name, model, asked):
    shelf.put(name, file, [{input_name: asked[:1]}, {input_name: asked}])
    shelf.put_regressor(f"{name}_numbers", file, asked, model.predict(asked))


def _some(shelf, rows):
    """Rows that are like those that the model has seen, and none of them."""
    chosen = rows[shelf.random.choice(len(rows), ROWS, replace=False)]
    return (chosen * shelf.random.uniform(0.9, 1.1, chosen.shape)).astype("float32")
