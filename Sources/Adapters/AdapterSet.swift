import Autodiff
import Matrices
import Transformers

/// How the factors of an adapter start.
package enum FactorInitialization: String, CaseIterable, Sendable {
    /// λ = 0; P with orthonormal columns and Q with orthonormal rows, by QR of a seeded Gaussian.
    case orthonormal
    /// λ = 0; P, Q ~ N(0, 0.02²), as PEFT and the authors' code.
    case gaussian
    /// λ = 0; P as in `orthonormal`; Q the leading right singular vectors of the site's inputs (as EVA, Paischer
    /// et al. 2024, for LoRA), taken from `AdapterPlan.rightVectors`.
    case activationSVD = "activation-svd"
    /// λ = 1, P = 0, Q as LoRA's A. The first step moves the product as LoRA's does, where one from λ = 0 can move λ
    /// alone; exact triplets are made of what it leaves.
    case lora
}

/// What to install on which sites.
package struct AdapterPlan: Sendable {
    package enum Method: String, Sendable { case adalora, lora }

    package let method: Method
    package let roles: [LinearSite.Role]
    /// Triplets of each site that `ranks` does not name
    package var rank: Int
    package var ranks: [LinearSite: Int] = [:]
    /// For `activationSVD`: orthonormal rows `[at least r, I]` by site, the leading ones first
    package var rightVectors: [LinearSite: Matrix] = [:]
    /// s, the factor of the update
    package let scale: Float
    package let dropout: Float
    package var initialization: FactorInitialization
    package let seed: UInt64
    /// For LoRA: divides `scale` by √r of each matrix.
    package var dividesByRootOfRank = false

    package init(
        method: Method, roles: [LinearSite.Role], rank: Int, scale: Float, dropout: Float,
        initialization: FactorInitialization, seed: UInt64
    ) {
        self.method = method
        self.roles = roles
        self.rank = rank
        self.scale = scale
        self.dropout = dropout
        self.initialization = initialization
        self.seed = seed
    }

    func rank(at site: LinearSite) -> Int { ranks[site] ?? rank }

    /// s of a LoRA adapter of this rank
    func factor(rank: Int) -> Float {
        dividesByRootOfRank ? Float(Double(scale) / Double(max(rank, 1)).squareRoot()) : scale
    }

    /// A rank above what a matrix can have is an error.
    package func check(_ layers: [LinearLayer]) throws {
        guard let small = layers.first(where: { min($0.outputs, $0.inputs) < rank(at: $0.site) }) else {
            return
        }
        let largest = min(small.outputs, small.inputs)
        throw AdapterError(
            description:
                "rank \(rank(at: small.site)) is more than \(small.site) [\(small.outputs), \(small.inputs)] can have; "
                + "use a lower budget or initial rank, so that it gets \(largest) or less")
    }

    /// The layers this plan adapts, in the model's order. A role without any is an error.
    package static func layers(of roles: [LinearSite.Role], in layers: [LinearLayer]) throws -> [LinearLayer]
    {
        for role in roles where !layers.contains(where: { $0.site.role == role }) {
            var present: [LinearSite.Role] = []
            for layer in layers where !present.contains(layer.site.role) { present.append(layer.site.role) }
            throw AdapterError(
                description: "target \"\(role.rawValue)\" matches no matrix of this model; it has "
                    + present.map(\.rawValue).joined(separator: ", "))
        }
        return layers.filter { roles.contains($0.site.role) }
    }
}

/// A plan that does not fit the model.
package struct AdapterError: Error, CustomStringConvertible, Sendable {
    package let description: String
}

/// The adapters of a model, in the model's order.
package struct AdapterSet: Sendable {
    /// Of matrices
    package let adapters: [LowRankAdapter]
    /// The layers they are made for, in the same order.
    package let layers: [LinearLayer]
    /// What is trained beside the matrices, in the model's order
    package let parts: [any ModelPart]

    package init(adapters: [LowRankAdapter], layers: [LinearLayer], parts: [any ModelPart] = []) {
        precondition(adapters.count == layers.count, "\(adapters.count) adapters for \(layers.count) layers")
        self.adapters = adapters
        self.layers = layers
        self.parts = parts
    }

    /// Nothing of the model is changed.
    package var isEmpty: Bool { adapters.isEmpty && parts.isEmpty }

    /// No adapters at all: the head alone trains, or every weight.
    package static let none = AdapterSet(adapters: [], layers: [])

    /// Creates adapters and hangs them on the chosen layers.
    package init(installing plan: AdapterPlan, on available: [LinearLayer]) throws {
        let chosen = try AdapterPlan.layers(of: plan.roles, in: available)
        try plan.check(chosen)
        layers = chosen
        parts = []
        adapters = try chosen.map { layer in
            let factors =
                switch plan.method {
                case .adalora: try Self.svdFactors(layer, plan)
                case .lora: Self.loraFactors(layer, plan)
                }
            return LowRankAdapter(layer: AdaptedLayer(layer), factors: factors, dropout: plan.dropout)
        }
        install()
    }

    private static func svdFactors(_ layer: LinearLayer, _ plan: AdapterPlan) throws -> LowRankFactors {
        let rank = plan.rank(at: layer.site)
        let p = Matrix(rows: layer.outputs, columns: rank)
        let q = Matrix(rows: rank, columns: layer.inputs)
        let lambda = Matrix(rows: 1, columns: rank)
        if plan.initialization != .lora { fillNormal(p, "P", layer.site, plan) }
        if plan.initialization != .gaussian, plan.initialization != .lora {
            try Factorization.orthonormalize(p)
        }
        switch plan.initialization {
        case .gaussian: fillNormal(q, "Q", layer.site, plan)
        case .orthonormal:
            fillNormal(q, "Q", layer.site, plan)
            try Factorization.orthonormalize(q)
        case .activationSVD:
            guard let vectors = plan.rightVectors[layer.site], vectors.rows >= rank else {
                preconditionFailure("\(layer.site) has no \(rank) right vectors to start from")
            }
            q.pointer.update(from: vectors.pointer, count: q.count)
        case .lora:
            fillUniform(q, layer, plan)
            lambda.fill(1)
        }
        return LowRankFactors(site: layer.site, p: p, lambda: lambda, q: q, factor: plan.scale)
    }

    /// LoRA's usual start (Hu et al. 2022, as PEFT): A by Kaiming-uniform with a = √5, which is U(±1/√I); B = 0.
    private static func loraFactors(_ layer: LinearLayer, _ plan: AdapterPlan) -> LowRankFactors {
        let rank = plan.rank(at: layer.site)
        let a = Matrix(rows: rank, columns: layer.inputs)
        fillUniform(a, layer, plan)
        return LowRankFactors(
            site: layer.site, b: Matrix(rows: layer.outputs, columns: rank), a: a,
            factor: plan.factor(rank: rank))
    }

    private static func fillUniform(_ a: Matrix, _ layer: LinearLayer, _ plan: AdapterPlan) {
        var stream = layer.site.stream(seed: plan.seed, purpose: "initialize A")
        stream.fillUniform(a, bound: 1 / Double(layer.inputs).squareRoot())
    }

    static func fillNormal(_ matrix: Matrix, _ name: String, _ site: LinearSite, _ plan: AdapterPlan) {
        var stream = site.stream(seed: plan.seed, purpose: "initialize \(name)")
        stream.fillNormal(matrix, deviation: 0.02)
    }

    /// Hangs one adapter on its layer, which stays bare if nothing of it is physically there.
    func hang(_ index: Int) {
        layers[index].adapter = adapters[index].acts ? adapters[index] : nil
    }

    /// Brings what rules keep of the updates up to date with them.
    ///
    /// - Parameter workers: nil where nobody has any at hand
    package func followUpdates(workers: Workers? = nil) {
        let adapters = adapters.filter { $0.rule != nil }
        if adapters.isEmpty { return }
        guard let workers else {
            for adapter in adapters { adapter.rule?.follow(adapter.factors) }
            return
        }
        workers.run(tasks: adapters.count) { index, _ in
            adapters[index].rule?.follow(adapters[index].factors)
        }
    }

    /// Hangs the adapters on their layers.
    package func install() {
        for index in adapters.indices { hang(index) }
    }

    package var parameters: [Parameter] { adapters.flatMap(\.parameters) + parts.flatMap(\.parameters) }
    package var ranks: [Int] { adapters.map(\.rank) }
    /// Numbers in the triplets alive: a triplet of an [O, I] matrix has O + I, and 1 more with λ. And in the parts.
    package var liveParameterCount: Int {
        adapters.reduce(0) { $0 + $1.parameterCount(rank: $1.rank) } + partParameters
    }
    package var partParameters: Int { parts.reduce(0) { $0 + $1.parameterCount } }
    /// Whether the model with it may answer otherwise than without it.
    package var hasUpdate: Bool {
        adapters.contains { $0.hasUpdate } || parts.contains { $0.hasEffect }
    }
}
