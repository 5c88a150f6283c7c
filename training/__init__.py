"""The paper's other half: task definitions, synthetic data, fine-tuning and evaluation."""
