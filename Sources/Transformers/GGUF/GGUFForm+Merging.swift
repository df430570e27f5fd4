import Autodiff
import Matrices
import ModelFiles

extension GGUFForm {
    /// The tensors of a model's own GGUF in the order of the file, changed ones by their new values.
    ///
    /// - Parameters:
    ///   - changed: weights by transformers' names in whole models, with what they become.
    ///   - architecture: of the model
    /// - Throws: `ModelFileError` for a weight that the file has no tensor for.
    package func tensors(
        of file: GGUFFile, changed: [(weight: Weight, values: GGUFModelTensor.Values)],
        _ architecture: Architecture
    ) throws -> [GGUFModelTensor] {
        var values: [String: GGUFModelTensor.Values] = [:]
        for (weight, new) in changed {
            let own = architecture.wholeName(weight.name)
            // A matrix of words that is the output matrix too stands under its own name.
            guard let stored = storedName(own), file.tensor(stored) != nil else {
                throw ModelFileError(
                    file: file.path, place: own,
                    problem: "the adapter changes it, and the file has no tensor for it",
                    advice: "use the adapter beside the model")
            }
            values[stored] = new
        }
        return file.tensors.compactMap { info in
            guard let tensor = file.tensor(info.name) else { return nil }
            return GGUFModelTensor(
                name: info.name, shape: info.shape, format: tensor.format,
                content: values[info.name].map { .values($0) } ?? .stored(tensor))
        }
    }
}
