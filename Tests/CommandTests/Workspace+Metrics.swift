import ModelFiles
import Testing

extension Workspace {
    /// What answers decide, and the calibration error, which is a mean of probabilities.
    private func metrics(_ adapter: [String]) throws -> (decided: JSONObject, ece: Double) {
        let result = try run(["evaluate"] + adapter + ["--data", "validation.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        var metrics = try #require(JSONValue.parse(result.output)["metrics"]?.object)
        let ece = try #require(metrics["ece"]?.double)
        metrics["ece"] = nil
        return (metrics, ece)
    }

    /// Products in another order round otherwise: logits differ in Float32's last digits, probabilities by less than 1e-5.
    ///
    /// - Parameter adapter: a folder, and flags of `evaluate`.
    func expectSameMetrics(of adapter: [String], as other: String) throws {
        let (one, two) = (try metrics(adapter), try metrics([other]))
        #expect(one.decided == two.decided, "\(adapter)")
        #expect(abs(one.ece - two.ece) < 1e-5, "\(adapter)")
    }

    func expectSameMetrics(of folder: String, as other: String) throws {
        try expectSameMetrics(of: [folder], as: other)
    }
}
