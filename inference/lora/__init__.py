"""LoRA adapters: reading and checking PEFT directories, keeping them in memory, naming them."""
