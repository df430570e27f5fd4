import Datasets
import Testing

/// Labels of several a row, in the shapes that pandas, numpy, scikit-learn and Hugging Face's datasets write them.
@Suite struct LabelShapeTests {
    private func read(
        _ content: String, _ format: DataFormat, columns: ColumnNames = ColumnNames(),
        separator: String? = nil
    ) throws -> Dataset {
        try Dataset.parse(
            Array(content.utf8), name: "f", format: format, form: .labelSets(separator: separator),
            columns: columns, requireLabels: true)
    }

    private func names(_ dataset: Dataset) -> [[String]] {
        dataset.examples.map { if case .list(let names)? = $0.label { names } else { ["?"] } }
    }

    private func jsonLines(_ labels: [String]) -> String {
        labels.map { #"{"text": "a", "labels": \#($0)}"# }.joined(separator: "\n")
    }

    /// A CSV file of these fields, in quotes as pandas writes them.
    private func table(_ labels: [String]) -> String {
        "text,labels\n"
            + labels.map { "a,\"\($0.replacing("\"", with: "\"\""))\"\n" }.joined()
    }

    /// Rows of one file in JSON, and what they are read as.
    private static let valuesOfJSONCases: [([String], [[String]])] = [
        (["[1, 0]", "[0, 1]", "[1.0, 0.0]"], [["0"], ["1"], ["0"]]),
        (["[1, 0, 0]", "[0, 1, 0]", "[1, 1, 0]", "[0, 0, 0]"], [["0"], ["1"], ["0", "1"], []]),
        (["[true, false]", "[false, true]"], [["0"], ["1"]]),
        (["[\"1\", \"0\"]", "[\"0\", \"1\"]"], [["0"], ["1"]]),
        // Lists of other lengths, or of other numbers, are names.
        (["[0]", "[1]", "[0, 1]", "[]"], [["0"], ["1"], ["0", "1"], []]),
        (["[3, 7]", "[2, 5]"], [["3", "7"], ["2", "5"]]),
        (["[0]", "[1]"], [["0"], ["1"]]),
        (["{\"x\": 1, \"y\": 0}", "{\"x\": false, \"y\": true}"], [["x"], ["y"]]),
        (["\"['x', 'y']\"", "[\"x\"]"], [["x", "y"], ["x"]]),
    ]

    @Test(arguments: valuesOfJSONCases) func valuesOfJSON(rows: [String], expected: [[String]]) throws {
        #expect(names(try read(jsonLines(rows), .jsonl)) == expected)
    }

    private static let fieldsOfTablesCases: [([String], [[String]])] = [
        (["['x', 'y']", "['y']", "[]"], [["x", "y"], ["y"], []]),
        (["[\"x\", \"y\"]", "[\"it's\"]"], [["x", "y"], ["it's"]]),
        (["['x' 'y']", "['y']"], [["x", "y"], ["y"]]),
        (["{'x', 'y'}", "set()", "('y',)"], [["x", "y"], [], ["y"]]),
        (["[np.str_('x'), np.str_('y')]", "array(['y'], dtype=object)"], [["x", "y"], ["y"]]),
        (["['\\u00e9', 'a\\'b']", "['a\\\\b']"], [["é", "a'b"], ["a\\b"]]),
        (["[1 0 1]", "[0 1 0]"], [["0", "2"], ["1"]]),
        (["[1. 0. 1.]", "[0. 1. 0.]"], [["0", "2"], ["1"]]),
        (["[ True False]", "[False  True]"], [["0"], ["1"]]),
        (["1,0,1", "0,1,0"], [["0", "2"], ["1"]]), (["1 0 1", "0 1 0"], [["0", "2"], ["1"]]),
        (["1;0", "0;1"], [["0"], ["1"]]), (["1|0|1", "0|1|1"], [["0", "2"], ["1", "2"]]),
        (["{'x': 1, 'y': 0}", "{\"x\": 1, \"y\": 1}"], [["x"], ["x", "y"]]),
        (["x|y", "y", ""], [["x", "y"], ["y"], []]),
        (["a [1]|b", "b"], [["a [1]", "b"], ["b"]]),
    ]

    @Test(arguments: fieldsOfTablesCases) func fieldsOfTables(rows: [String], expected: [[String]]) throws {
        let dataset = try read(table(rows), .csv)
        #expect(names(dataset) == expected)
        #expect(dataset.warnings.isEmpty, "\(dataset.warnings)")
    }

    @Test func columnsOfZeroAndOne() throws {
        let csv = try read(
            "text,x,y,z\na,1,0,0\nb,False,True,0\nc,0.0,0,0\n", .csv, columns: ColumnNames(label: "x, y,z"))
        #expect(names(csv) == [["x"], ["y"], []] && csv.declaredLabels == ["x", "y", "z"])
        #expect(csv.columns?.labels == ["x", "y", "z"] && csv.columns?.unused == [])
        // A label that no row has keeps its place.
        #expect(try LabelSet(ofSetsIn: csv).names == ["x", "y", "z"])
        let json = try read(
            #"{"text": "a", "x": 1, "y": false}"#, .jsonl, columns: ColumnNames(label: "x,y"))
        #expect(names(json) == [["x"]])
        // A column whose own name has a comma.
        let one = try read("text,\"x,y\"\na,b|c\n", .csv, columns: ColumnNames(label: "x,y"))
        #expect(names(one) == [["b", "c"]])
    }

    @Test func separatorsAreToldWhereTheyAreGuessed() throws {
        for mark in [";", ","] {
            let dataset = try read(table(["x\(mark) y", "y"]), .csv)
            #expect(names(dataset) == [["x", "y"], ["y"]])
            #expect(
                dataset.warnings == [
                    "f: no label has '|', 1 row '\(mark)': labels are read as lists with '\(mark)' between them; "
                        + "say what stands there with --label-separator"
                ])
            #expect(names(try read(table(["x\(mark) y", "y"]), .csv, separator: "|"))[0] == ["x\(mark) y"])
        }
    }

    private static let refusalsCases: [([String], String)] = [
        (
            ["[1, 0, 0]", "[1, 0]"],
            "f:2: 2 values of 0 and 1 where line 1 has 3; give each row one 0 or 1 for each label, or the names of its labels"
        ),
        (
            ["[1, 0]", "[]"],
            "f:2: 0 values of 0 and 1 where line 1 has 2; give each row one 0 or 1 for each label, or the names of its labels"
        ),
        (
            ["[1, 0, 1]", "[0, 2, 1]"],
            "f:1: label '1' occurs twice in the row; name it once; rows of 0 and 1, one for each label, hold nothing else"
        ),
        (
            ["[0.7, 0.3]"],
            "f:1: 0.7 among labels is neither 0 nor 1; give 0 or 1 for each label; put names in quotes"
        ),
        (["[null, 1]"], "f:1: 'labels' holds null; each label is a string, a number, true or false"),
        (["[\" \"]"], "f:1: an empty label in 'labels'; name it or leave it out"),
        (
            ["{\"x\": 2}"],
            "f:1: label 'x' is '2', neither 0 nor 1; give each row 0 or 1 for each of these labels"
        ),
        (
            ["3"],
            "f:1: label column 'labels' is a number, not an array; write the row's labels as [\"a\", \"b\"]"
        ),
        (
            ["\"[x, y]\""],
            "f:1: label column 'labels' is a string, not an array; write the row's labels as [\"a\", \"b\"]"
        ),
    ]

    @Test(arguments: refusalsCases) func refusals(rows: [String], message: String) throws {
        let error = try #require(throws: DataError.self) { try read(jsonLines(rows), .jsonl) }
        #expect(error.description == message)
    }

    @Test func refusalsOfTables() throws {
        func message(_ content: String, _ columns: ColumnNames = ColumnNames()) throws -> String {
            try #require(throws: DataError.self) { try read(content, .csv, columns: columns) }.description
        }
        #expect(
            try message(table(["[x, y]"]))
                == "f:2: labels '[x, y]' are in brackets, but no list of names in quotes; "
                + "write them as [\"a\", \"b\"], or with '|' between them")
        #expect(
            try message("text,x,y\na,1,\n", ColumnNames(label: "x,y"))
                == "f:2: label 'y' is empty, neither 0 nor 1; give each row 0 or 1 for each of these labels")
        #expect(
            try message("text,x,y\na,1,0\n", ColumnNames(label: "x,z"))
                == "f:1: no label column 'z'; the columns are 'text', 'x', 'y'")
        #expect(
            try message("text,x,y\na,1,0\n")
                == "f:1: no label column 'labels' or 'label'; the columns are 'text', 'x', 'y': name one of them with "
                + "--label-column, or several columns of 0 and 1 with commas between them")
    }

    /// Whatever shape this was meant to have, there is nothing in it.
    @Test func everyLabelInEachRow() throws {
        let error = try #require(throws: DataError.self) {
            try LabelSet(ofSetsIn: read(jsonLines(["[1, -1]", "[-1, 1]"]), .jsonl))
        }
        #expect(
            error.description
                == "f: each row has every label ('-1', '1'), there is nothing to learn; "
                + "check the label column: give names, or one 0 or 1 for each label")
    }

    @Test func vectorsAndNamedLabels() throws {
        let vectors = try read(jsonLines(["[1, 0]", "[0, 1]"]), .jsonl)
        let labels = try LabelSet(ofSetsIn: vectors)
        #expect(try Targets.labelSets(of: vectors, labels: labels) == [[0], [1]])
        for names in [["x", "y"], ["0", "1", "2"]] {
            let error = try #require(throws: DataError.self) {
                try Targets.labelSets(of: vectors, labels: LabelSet(names: names, source: "m"))
            }
            #expect(error.description.hasPrefix("f:1: rows of 2 values of 0 and 1, while the labels are '"))
        }
    }

    /// Who only predicts has no use for labels, in whatever shape.
    @Test func predictionsNeedNoLabels() throws {
        for (form, content) in [
            (RowForm.texts, jsonLines(["[1, 0]"])), (.labelSets(separator: nil), jsonLines(["3"])),
        ] {
            let dataset = try Dataset.parse(
                Array(content.utf8), name: "f", format: .jsonl, form: form, requireLabels: false)
            #expect(dataset.examples.map(\.label) == [nil])
        }
    }
}
